"""One search loop, a method is a set of choices for it. Needs torch; imported lazily."""
