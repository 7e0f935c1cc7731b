-- SPDX-License-Identifier: MIT
--- The command as a user has it: installed by `make install`, with a home
-- directory of its own. Under valgrind or a sanitizer it is the checkout's, which
-- has that in it.
local assert = require "luassert"
local process = require "support.process"

local _M = {}

local quote = process.quote

--- Whether the specs run with a plain build of this checkout.
_M.is_plain = not process.lua:find " "
  and process.build == "build/" .. process.lua
  and (os.getenv "LUA_PATH" or ""):find("^[^;]*/lua/%?%.lua") ~= nil
  and not (os.getenv "LUA_INIT" or ""):find "collect"

local root -- of the installation

-- Installs, or writes what does the same. `program` runs it from then on.
local function install()
  root = process.run("mktemp -d \"$PWD/build/command.XXXXXX\"")
    :gsub("%s+$", "")
  if _M.is_plain then
    local output, status = process.run(("make -s install LUA=%s PREFIX=%s")
      :format(process.lua, quote(root)))
    assert.equal(0, status, output)
    _M.program = root .. "/bin/balance"
    return
  end
  _M.program = process.lua .. " " .. root .. "/balance"
  process.write(root .. "/balance", 'require("balance.command").main(arg)\n')
end

--- Before all tests of a file.
function _M.setup()
  install()
end

--- After them.
function _M.teardown()
  process.run("rm -rf " .. quote(root))
end

--- Before each test: an empty home directory, `home`.
function _M.new_home()
  _M.home = root .. "/home"
  process.run(("rm -rf %s; mkdir -m 700 %s"):format(quote(_M.home),
    quote(_M.home)))
end

--- Writes a file below the home directory, for its owner alone, and returns its
-- path.
function _M.write(name, text, mode)
  local path = _M.home .. "/" .. name
  process.run(("umask 077; mkdir -p %s"):format(
    quote(path:match "^(.*)/")))
  process.write(path, text)
  process.run(("chmod %s %s"):format(mode or "600", quote(path)))
  return path
end

--- Writes the accounts file.
function _M.write_accounts(text, mode)
  return _M.write(".config/balance/accounts.json", text, mode)
end

local clean = "env -u XDG_CONFIG_HOME -u XDG_STATE_HOME -u BALANCE_STATE"
  .. " -u BALANCE_ACCOUNTS -u NO_COLOR -u COLUMNS HOME="

--- The command line for some arguments, with variables before it.
function _M.line(arguments, setting)
  return ("%s%s %s %s %s"):format(clean, quote(_M.home), setting or "",
    _M.program, arguments)
end

--- Runs it. `rest` is what follows in the shell, such as "| head -n 1". Returns
-- its standard output, its standard error and its exit status.
function _M.run(arguments, setting, rest)
  local path = root .. "/stderr"
  local output, status = process.run(("{ %s %s; } </dev/null 2>%s"):format(
    _M.line(arguments, setting), rest or "", quote(path)))
  return output, process.read(path), status
end

--- Runs it, and asserts its exit status. Returns both outputs.
function _M.expect(expected, arguments, setting, rest)
  local output, errors, status = _M.run(arguments, setting, rest)
  assert.equal(expected, status, arguments .. "\n" .. output .. errors)
  assert.is_nil((output .. errors):find "traceback", output .. errors)
  return output, errors
end

--- Runs it in a terminal of so many columns. Where `keys` is given, it is typed
-- once `awaited`, a fixed text, is there. Returns all that the terminal got, and
-- the exit status.
function _M.in_terminal(arguments, setting, columns, awaited, keys)
  local inside = ("stty cols %d; TERM=xterm exec %s"):format(columns or 80,
    _M.line(arguments, setting))
  process.write(root .. "/terminal.sh", ([[
    cd %s && rm -f keys screen && mkfifo keys || exit
    exec 3<>keys
    script -qefc %s /dev/null <&3 >screen 2>&1 &
    if [ %s ]; then
      tries=0
      until grep -qF %s screen || [ $tries = 1500 ]; do
        sleep 0.02; tries=$((tries + 1))
      done
      printf %s >&3
    fi
    wait $!
    status=$?
    cat screen
    exit $status
  ]]):format(quote(root), quote(inside), quote(awaited or ""),
    quote(awaited or ""), quote(keys or "")))
  local output, status = process.run("sh " .. quote(root .. "/terminal.sh"))
  return output:gsub("\r\n", "\n"), status
end

return _M
