"""The promises that components make: Protocols and small dataclasses, no behaviour."""
