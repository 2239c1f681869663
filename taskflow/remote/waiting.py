"""Waiting for an end through the REST API."""
