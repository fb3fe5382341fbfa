"""Opening, saving and describing models, and their embeddings in one call."""
