"""Parts of transformers over packed tokens, one idea per file."""
