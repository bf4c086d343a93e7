"""From a method and a protocol to a result: data, training, features, scores, record."""
