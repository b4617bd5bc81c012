"""Sans-I/O: bytes, a direction and a time become handshakes and frames."""
