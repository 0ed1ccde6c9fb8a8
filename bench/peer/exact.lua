-- The peer of `exact`: the same script asked from Lua, one connection to Redis
-- for each request in flight, from a pool of 64, as cosockets are used.

local _M = {}

local POOL = 64
local IDLE = 60000      -- ms


local function bulk(text)
    text = tostring(text)

    return "$" .. #text .. "\r\n" .. text .. "\r\n"
end


function _M.command(words)
    local all = { "*" .. #words .. "\r\n" }

    for i = 1, #words do
        all[i + 1] = bulk(words[i])
    end

    return table.concat(all)
end


function _M.read(socket)
    local line, err = socket:receive("*l")

    if not line then
        return nil, err
    end

    local kind = line:sub(1, 1)
    local rest = line:sub(2)

    if kind == "*" then
        local all = {}

        for i = 1, tonumber(rest) do
            all[i], err = _M.read(socket)

            if err then
                return nil, err
            end
        end

        return all
    end

    if kind == "$" then
        local text = socket:receive(tonumber(rest) + 2)

        return text and text:sub(1, -3)
    end

    if kind == "-" then
        return nil, rest
    end

    return tonumber(rest) or rest
end


-- The units of this key, or a refusal: what an access handler would do.  The
-- words are those of the script's command; the last three of them are
-- numbers, see rate.lua.

function _M.decide(port, ...)
    local words = { ... }
    local socket = ngx.socket.tcp()

    socket:settimeouts(250, 50, 50)

    local ok, err = socket:connect("127.0.0.1", port, { pool_size = POOL })

    if not ok then
        ngx.log(ngx.ERR, "connect: ", err)
        return ngx.exit(503)
    end

    local sent = socket:send(_M.command(words))
    local reply, why = nil, "send"

    if sent then
        reply, why = _M.read(socket)
    end

    if not reply then
        ngx.log(ngx.ERR, "reply: ", why)
        return ngx.exit(503)
    end

    socket:setkeepalive(IDLE, POOL)

    if reply[1] + words[#words - 2] > tonumber(words[#words - 1]) then
        return ngx.exit(429)
    end
end


return _M
