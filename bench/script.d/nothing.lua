-- A run, and nothing in it.

return function()
end
