-- For who sorts by exit code: most are 0 and succeeded (3), and what is looked for is among the others, of one status or of any.
CREATE INDEX installation_status_exit_code ON installation (status, exit_code) WHERE exit_code IS NOT 0;
CREATE INDEX installation_no_exit_code ON installation (exit_code) WHERE exit_code IS NULL;
CREATE INDEX installation_zero_exit_code ON installation (status) WHERE exit_code = 0 AND status <> 3;
