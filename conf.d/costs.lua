-- What a search costs, and whose budget pays.
--
-- cost and key go to admission_limit. An argument that is sent twice is
-- false here, so that nobody is charged for one and served the other.

local function number(text, default)
    local n = text and tonumber(text:match('^%d+$'))

    return n and n >= 1 and n or default
end

return function(request)
    local args = request.args

    local cost = 1 + number(args.size, 20) / 50     -- results on a page
    local page = number(args.page, 1)

    if page > 10 then
        cost = cost + 5                             -- nobody reads that far
    end

    if args.q and #args.q < 3 then
        cost = cost + 2                             -- finds half of the shop
    end

    -- a partner pays from its own budget, others from their network's
    local partner = (request.headers['x-partner'] or ''):match('^%l+%-%d+$')
    local network = request.remote_addr:match('^(%d+%.%d+%.%d+)%.%d+$')

    return {
        cost = math.min(math.floor(cost), 20),
        key = partner and 'partner ' .. partner or network or request.remote_addr,
    }
end
