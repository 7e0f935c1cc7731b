-- SPDX-License-Identifier: MIT
--
-- `make test COLLECT=1`: while a function of balance.core runs, each allocation
-- in Lua makes a whole cycle of the garbage collector, finalizers included.
-- Every Lua that the specs start reads this as LUA_INIT. Only balance.core is
-- treated so, and not each of its calls, or a run would take hours. Specs
-- about speed (#fast) are not run, nor are those inside nginx (#nginx) or the
-- allocation walker (#walk), which do not read LUA_INIT.

local function set(pause, factor)
  if _VERSION == "Lua 5.5" then
    collectgarbage("param", "pause", pause)
    collectgarbage("param", "stepmul", factor)
  else
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", factor)
  end
end

-- A compiled loop would never end: where it allocates, LuaJIT makes a cycle,
-- leaves the compiled code for it, and comes back to the same place.
local jit = rawget(_G, "jit")
if jit then
  jit.off()
end

-- No pause between two cycles, and each step is a whole cycle.
local function begin()
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 1, 1000, 63)
  else
    set(0, 0) -- no limit
  end
  collectgarbage "restart"
end

local function finish()
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 200, 100, 13)
  else
    set(200, 200)
  end
  collectgarbage()
end

-- The first 100 calls of a function, then one in 17.
local first, one_of = 100, 17

local depth = 0 -- a function may call Lua, which calls another

-- Sets the collector back; returns or raises what the function did.
local function leave(is_stressed, ok, ...)
  if is_stressed then
    depth = depth - 1
  end
  if is_stressed and depth == 0 then
    finish()
  end
  if not ok then
    error((...), 2) -- at the caller's line, which a C function says itself
  end
  return ...
end

local function stressed(body)
  local calls = 0
  return function(...)
    calls = calls + 1
    local is_stressed = calls <= first or calls % one_of == 0
    if is_stressed then
      depth = depth + 1
      begin()
    end
    return leave(is_stressed, pcall(body, ...))
  end
end

-- The methods are the same where balance.core is opened again.
local is_done = setmetatable({}, { __mode = "k" })

local function stress(functions)
  for name, body in pairs(functions) do
    if not is_done[body] then
      functions[name] = stressed(body)
      is_done[functions[name]] = true
    end
  end
end

package.preload["balance.core"] = function()
  local search = rawget(package, "searchpath")
  local path = assert(search("balance.core", package.cpath))
  local open = assert(package.loadlib(path, "luaopen_balance_core"))
  local core = stressed(open) "balance.core"
  local transport = core.transport()
  local transfer = transport:start { path = "/", timeout = 1,
    endpoint = "http://127.0.0.1:1", connect_timeout = 1 }
  for _, object in ipairs { transport, transfer } do
    stress(debug.getmetatable(object).__index)
  end
  if transfer then -- some specs make the environment unusable
    transfer:close()
  end
  transport:close()
  stress(core)
  return core
end
