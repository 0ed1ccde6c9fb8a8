-- One fact, one answer.

local classes = { GET = 'read', POST = 'write' }

return function(request)
    return { class = classes[request.method] }
end
