"""Who calls: from two headers to one frozen Identity, or a refusal."""
