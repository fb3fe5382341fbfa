"""Small heads trained on frozen features: their structure, schedule, losses, batches and training loops."""
