"""Recipes side by side: each is trained alike and judged alike, and one table comes out (`compare.compare`)."""
