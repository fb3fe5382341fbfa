"""How tokens learn where and when they are."""
