"""What reading a recording takes: the embedded engine beside the reader."""
