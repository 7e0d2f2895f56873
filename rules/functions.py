"""Names before a parenthesis that call no stored function, on any server.

A name that only some servers have built in is left out: on the others somebody may have a function of that name.
"""

from typing import Final

TIGHT: Final = frozenset(
    b"adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract group_concat max mid min now "
    b"position session_user std stddev stddev_pop stddev_samp subdate substr substring sum sysdate system_user trim "
    b"var_pop var_samp variance".split()
)
"""Functions only where no white space is before the parenthesis, unless sql_mode has IGNORE_SPACE."""

BUILT_IN: Final = TIGHT | frozenset(
    b"abs acos addtime aes_decrypt aes_encrypt all and as ascii asin atan atan2 avg benchmark between bigint bin "
    b"binary bit_count bit_length by case ceil ceiling char char_length character_length check coalesce coercibility "
    b"collation compress concat concat_ws connection_id conv convert convert_tz cos cot crc32 current_date "
    b"current_time current_timestamp current_user database date date_format datediff datetime day dayname dayofmonth "
    b"dayofweek dayofyear decimal default degrees delete distinct div double else elt except exists exp export_set "
    b"extractvalue field find_in_set float floor for force format found_rows from from_base64 from_days from_unixtime "
    b"get_lock greatest having hex hour if ifnull in index inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr int "
    b"interval into is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock isnull join json_array "
    b"json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert "
    b"json_keys json_length json_merge json_object json_quote json_remove json_replace json_search json_set json_type "
    b"json_unquote json_valid key last_day last_insert_id lcase least left length like limit ln load_file localtime "
    b"localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime match mbrcontains mbrdisjoint "
    b"mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin microsecond minute mod month monthname name_const not "
    b"nullif numeric oct octet_length on or ord partition period_add period_diff pi pow power quarter quote radians "
    b"rand regexp release_lock repeat replace reverse right rlike round row row_count rpad rtrim schema sec_to_time "
    b"second select set sha2 sign sin sleep soundex space sqrt st_area st_asbinary st_astext st_buffer st_centroid "
    b"st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint st_distance st_endpoint st_envelope "
    b"st_equals st_exteriorring st_geometryn st_geometrytype st_geomfromtext st_geomfromwkb st_interiorringn "
    b"st_intersection st_intersects st_isclosed st_isempty st_issimple st_length st_numgeometries st_numinteriorrings "
    b"st_numpoints st_overlaps st_pointn st_srid st_startpoint st_symdifference st_touches st_union st_within st_x "
    b"st_y str_to_date straight_join strcmp substring_index subtime tan then time time_format time_to_sec timediff "
    b"timestamp timestampadd timestampdiff to_base64 to_days to_seconds ucase uncompress uncompressed_length unhex "
    b"union unique unix_timestamp update updatexml upper use user using utc_date utc_time utc_timestamp uuid "
    b"uuid_short values varbinary varchar version week weekday weekofyear weight_string when where xor "
    b"year yearweek".split()
)
"""Functions that all servers have, and keywords that stand before a parenthesis without being one; in lower case."""
