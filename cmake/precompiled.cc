// Compiled so that its target has a precompiled header, which others use.
