//! Facts about families that are not laws for all of them.
