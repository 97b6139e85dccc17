"""The customer support agent and what it stands on."""
