-- What the bounds are for, by ?k=.

local kept = {}

local cases = {
    loop = function()
        while true do end
    end,

    match = function()
        return ('a'):rep(5000):match('.-.-.-.-.-.-b')
    end,

    join = function()
        local s = ('x'):rep(60000)
        while true do local z = s .. s end
    end,

    compare = function()
        local s = ('x'):rep(60000)
        local a, b = s .. s .. 'a', s .. s .. 'b'
        while true do local z = a < b end
    end,

    fill = function()
        local t = {}
        while true do t[#t + 1] = { #t } end
    end,

    keep = function()
        while true do kept[#kept + 1] = ('x'):rep(20000) .. #kept end
    end,

    throw = function()
        error('no')
    end,

    nonsense = function()
        return { priority = 'high' }
    end,
}

return function(request)
    return cases[request.args.k]()
end
