"""Webhooks: what is sent to others, signed, and what comes in from them, checked."""
