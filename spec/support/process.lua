-- SPDX-License-Identifier: MIT
--- Programs that specs start beside themselves.
local _M = {}

-- The command of this Lua, with valgrind or a sanitizer where there is one.
_M.lua = assert(os.getenv "BALANCE_LUA", "run the specs with `make test`")
_M.build = assert(os.getenv "BALANCE_BUILD")

-- The same without valgrind, for servers: they are killed in the end, and
-- valgrind would report all of their memory as lost.
_M.plain_lua = _M.lua:find "^valgrind" and _M.lua:match "%S+$" or _M.lua

function _M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

function _M.sleep(seconds)
  assert(os.execute("sleep " .. seconds))
end

function _M.write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

function _M.read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

--- Runs a command of the shell. Returns what it printed, on both streams, and
-- its exit status.
function _M.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \" $?\""))
  local output = pipe:read("*a")
  pipe:close() -- does not return the status on Lua 5.1
  local text, status = output:match("^(.*) (%d+)\n$")
  return text, tonumber(status)
end

--- Runs Lua code in a process of its own. `setting` goes before the command,
-- such as "TZ=Asia/Tokyo"; `...` are arguments. Returns as `run` does.
function _M.run_lua(code, setting, ...)
  local path = os.tmpname()
  _M.write(path, code)
  local words = { setting or "", _M.lua, path }
  for _, argument in ipairs { ... } do
    words[#words + 1] = _M.quote(tostring(argument))
  end
  local output, status = _M.run(table.concat(words, " "))
  os.remove(path)
  return output, status
end

--- Starts a command of the shell in the background. It is killed by `stop()`
-- of the result, or when this process ends.
function _M.start(command)
  local pipe = assert(io.popen(command .. " & pid=$!; cat >/dev/null; "
    .. "{ kill $pid; wait $pid; } 2>/dev/null", "w"))
  local started = {}
  function started.stop()
    pipe:close()
  end
  return started
end

--- Waits for a file that another process writes, and returns its text.
function _M.await(path)
  for _ = 1, 500 do
    local text = _M.read(path)
    if text and text ~= "" then
      return text
    end
    _M.sleep(0.02)
  end
  error("nothing was written to " .. path)
end

--- Starts a server of spec/support/. Its first argument is a file, to which it
-- writes its ports; `...` are the others. Returns what it wrote, and what
-- `start` returns.
function _M.serve(script, ...)
  local path = os.tmpname()
  _M.write(path, "")
  local words = { _M.plain_lua, "spec/support/" .. script, path, ... }
  for i = 3, #words do
    words[i] = _M.quote(words[i])
  end
  local server = _M.start(table.concat(words, " "))
  local text = _M.await(path)
  os.remove(path)
  return text, server
end

return _M
