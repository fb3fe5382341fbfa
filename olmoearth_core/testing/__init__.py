"""The conformance kit that plugin authors run, and what our own tests share with them."""
