"""A server and a client with one seeded fault for each detector, and without any."""
