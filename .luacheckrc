-- SPDX-License-Identifier: MIT
--
-- luacheck's settings. The module runs on Lua 5.1 to 5.5 and LuaJIT, so only
-- what all of them have may be used without asking first.
std = "min"
max_line_length = 79
max_comment_line_length = 100 -- an annotation of a type cannot be wrapped
codes = true

-- What only some of them have, and is asked for first.
read_globals = {
  math = { fields = { "tointeger", "type" } },
}

-- A type cannot be wrapped.
files["lua/balance/types.lua"] = { max_comment_line_length = false }
files["lua/balance/loop/nginx.lua"] = { read_globals = { "ngx" } }
files["spec"] = { std = "min+busted" }
-- What runs inside the stand-in's nginx.
files["spec/sandbox"] = { std = "min+ngx_lua" }
files["spec/bench/sides/load.lua"] = { std = "min+ngx_lua" }
-- What runs inside a fuzz target.
files["spec/fuzz"] = { std = "lua54", read_globals = { "endpoint" } }
files[".ci/config.ld"] = { std = "min+ldoc" }
files["*.rockspec"] = { std = "min+rockspec" }
