-- For who looks at what went wrong with one script: those that failed (4), were aborted (5) or never told how they ended (6).
CREATE INDEX installation_nsapp_problem ON installation (nsapp, status) WHERE status > 3;
