#!lua flags=no-writes

-- Is anybody there, and do scripts run?

return 1
