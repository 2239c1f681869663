"""The protocol as Calls: pure functions that build one statement each and open nothing."""
