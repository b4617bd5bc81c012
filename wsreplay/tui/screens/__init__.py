"""What screens are made of, and those that belong to no feature: help, a prompt, the choice of a contract."""
