"""What a dataset, a protocol, a method and a result are: no logic, no files, no models."""
