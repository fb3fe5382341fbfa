"""The trainer: one process or many, resumable, observable."""
