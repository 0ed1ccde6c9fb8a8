-- For wrk: orders, each with a key of its own, or all with one.
-- wrk ... URL -- new PREFIX | same KEY | none

local mode, word
local n = 0


function init(args)
    mode, word = args[1], args[2] or ""
end


function request()
    local body = "sku=tee&quantity=1"
    local key = ""

    n = n + 1

    if mode == "new" then
        key = "Idempotency-Key: " .. word .. "-" .. n .. "\r\n"

    elseif mode == "same" then
        key = "Idempotency-Key: " .. word .. "\r\n"
    end

    return "POST " .. wrk.path .. " HTTP/1.1\r\nHost: shop\r\n" .. key
           .. "Content-Type: application/x-www-form-urlencoded\r\n"
           .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end
