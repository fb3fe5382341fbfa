"""Training an encoder together with a head: the parts of the evaluator `olmoearth.finetune.v1`."""
