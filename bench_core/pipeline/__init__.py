"""One run from a method to a result: inputs, trainings, embeddings, costs, record."""
