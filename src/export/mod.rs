//! Files: saved fits, tables of draws, and formats other tools read.
