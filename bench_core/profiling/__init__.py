"""What a method costs: multiply-adds, parameters, speed."""
