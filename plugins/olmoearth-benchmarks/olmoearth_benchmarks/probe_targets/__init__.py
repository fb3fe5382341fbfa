"""Maps in a pretraining set as labels: their codes, and which samples are trained and tested on."""
