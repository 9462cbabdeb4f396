-- Installations that ended in an unusual way: few, and looked for by who sorts by exit code. 3 is success.
CREATE INDEX installation_no_exit_code ON installation (exit_code) WHERE exit_code IS NULL;
CREATE INDEX installation_zero_exit_code ON installation (exit_code) WHERE exit_code = 0 AND status <> 3;
