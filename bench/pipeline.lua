-- wrk: sixteen requests at a time, so that the client is not what is measured.
-- With a file behind "--", every request has the next of its lines as a cookie;
-- the threads begin at different ones.

local depth = 16
local threads = 0
local batches = {}
local at = 0

function setup(thread)
    thread:set("id", threads)
    threads = threads + 1
end

local function batch(cookies)
    local all = {}

    for i = 1, depth do
        wrk.headers["Cookie"] = cookies and cookies() or nil
        all[i] = wrk.format()
    end

    return table.concat(all)
end

function init(args)
    if not args[1] then
        batches[1] = batch()
        return
    end

    local n = 0

    for _ in io.lines(args[1]) do
        n = n + 1
    end

    local cookies = io.lines(args[1])

    for i = 1, math.floor(n / depth) do
        batches[i] = batch(cookies)
    end

    at = math.floor(id * #batches / 2)
end

function request()
    at = at % #batches + 1

    return batches[at]
end
