-- Who is served first when not all can be, and which line is whose.
--
-- $customer is set by the shop's own front end: "gold", "known", or nothing.
-- priority goes to admission_shed, and room to the two admission_wait of the
-- location.

local urgent = {                            -- where the money is on its way
    ['/checkout/pay'] = 0,
    ['/checkout/address'] = 1,
}

local by_class = { gold = 2, known = 4 }

return function(request)
    local class = request.var.customer

    -- a customer who was let in stays with the line that let him in
    local gold = class == 'gold' and request.token.everybody ~= 'pass'

    return {
        class = class ~= '' and class or 'guest',
        priority = urgent[request.uri] or by_class[class] or 6,
        room = gold and 'gold' or 'everybody',
    }
end
