"""Encoders and decoders joined to something that can be pretrained."""
