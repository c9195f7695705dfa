"""Files for servers and devices, and the proof that they give the same answers."""
