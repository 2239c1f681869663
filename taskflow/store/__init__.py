"""The only room that touches a connection."""
