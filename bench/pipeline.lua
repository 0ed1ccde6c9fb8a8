-- wrk: sixteen requests at a time, so that the client is not what is measured.

local depth = 16
local requests

function init()
    local all = {}

    for i = 1, depth do
        all[i] = wrk.format()
    end

    requests = table.concat(all)
end

function request()
    return requests
end
