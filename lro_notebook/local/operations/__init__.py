"""Operations of the service: their records, the worker that runs them, and what runners share."""
