"""What is put on top of an encoder's tokens to answer a question about the ground."""
