//! What the limiters promise, told with a clock that is a number.
