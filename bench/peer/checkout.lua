-- The peer of a checkout: the same scripts asked from Lua, one connection to
-- Redis for each request in flight, from a pool of 64, as cosockets are used.
-- A hook after the response cannot wait, so what becomes of it is told by a
-- timer.

local exact = require "exact"

local _M = {}

local POOL = 64
local IDLE = 60000      -- ms

local NOTHING = string.rep("\0", 8)


-- numbers below 2^32, as eight bytes each, little-endian

local function words(...)
    local text = {}

    for i = 1, select("#", ...) do
        local n = select(i, ...)

        text[i] = string.char(n % 256, math.floor(n / 256) % 256,
                              math.floor(n / 65536) % 256,
                              math.floor(n / 16777216)) .. "\0\0\0\0"
    end

    return table.concat(text)
end


-- flags, SKUs, lock, ttl, hold, per buyer, per time; and of the end: flags,
-- SKUs, KEEP, lock, ttl, 201, COMMIT, hold
local TAKE = words(1, 1, 30000, 86400, 600000, 0, 0)
local FINISH = words(3, 1, 1, 30000, 86400, 201, 1, 600000)

local STOCK = { "inventory:tee", "adm:holds:{tee}", "adm:due:{tee}",
                "adm:totals:{tee}", "adm:buyers:{tee}" }


local function ask(port, command)
    local socket = ngx.socket.tcp()

    socket:settimeouts(250, 500, 500)

    local ok, err = socket:connect("127.0.0.1", port, { pool_size = POOL })

    if not ok then
        return nil, err
    end

    local sent = socket:send(exact.command(command))

    if not sent then
        return nil, "send"
    end

    local reply, why = exact.read(socket)

    if reply then
        socket:setkeepalive(IDLE, POOL)
    end

    return reply, why
end


function _M.take(port, sha)
    local key = ngx.md5_bin("bench" .. ngx.var.http_idempotency_key)

    ngx.req.read_body()

    local print = ngx.md5_bin(ngx.var.request_method .. ngx.var.request_uri
                              .. ngx.req.get_body_data())
    local id = ngx.md5_bin(ngx.var.request_id)
    local name = "adm:key:{" .. ngx.var.request_id .. "}"

    ngx.ctx.checkout = { name, id, print }

    local reply, why = ask(port, {
        "EVALSHA", sha, 6, name, STOCK[1], STOCK[2], STOCK[3], STOCK[4],
        STOCK[5], TAKE .. id .. print .. key .. ngx.var.request_id, 1 })

    if not reply then
        ngx.log(ngx.ERR, "reply: ", why)
        return ngx.exit(503)
    end

    if reply:sub(1, 8) ~= NOTHING or reply:sub(25, 32) ~= NOTHING then
        return ngx.exit(409)
    end
end


local function settle(_, port, sha, name, id, print, response)
    local reply, why = ask(port, {
        "EVALSHA", sha, 6, name, STOCK[1], STOCK[2], STOCK[3], STOCK[4],
        STOCK[5], FINISH .. id .. print, response, 1 })

    if not reply then
        ngx.log(ngx.ERR, "settle: ", why)
    end
end


function _M.capture()
    local ctx = ngx.ctx

    ctx.body = (ctx.body or "") .. ngx.arg[1]
end


function _M.settle(port, sha)
    local ctx = ngx.ctx
    local of = ctx.checkout

    if of then
        ngx.timer.at(0, settle, port, sha, of[1], of[2], of[3],
                     "HTTP/1.1 201\r\nContent-Type: text/plain\r\n\r\n"
                     .. (ctx.body or ""))
    end
end


return _M
