"""What the program needs of the machine: files, processes, progress, devices."""
