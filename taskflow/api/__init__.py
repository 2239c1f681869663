"""The REST API: a Litestar application over the same calls as the SDK."""
