//! The one list of what every server does, with a test for each row.
//!
//! A server that joins the registry is held against all of it without a word here. What its model cannot do stands in the row, with
//! the reason and with what it does instead.

use super::row::Who::{Http, Server};
use super::row::{Except, Row, behaviours};
use super::{
    descriptors, endless, faults, forks, http, listeners, many, recorded, slow_clients, slow_handlers,
    stopping, streams,
};
use crate::harness::registry;
use crate::routing::recorded as routing;

behaviours! {
    routing::every_recorded_case_is_answered_as_bottle_does;
    routing::every_further_case_is_answered_as_bottle_does;
    recorded::every_recorded_case_gets_its_statuses_and_its_close;

    http::an_answer_is_complete_and_says_so;
    http::a_connection_is_kept_for_request_after_request;
    http::close_is_done_when_the_client_asks_for_it;
    http::pipelined_requests_are_answered_in_their_order;
    http::a_head_that_comes_byte_by_byte_is_a_head;
    http::head_is_answered_as_get_without_its_body;
    http::a_chunked_body_reaches_its_handler_decoded;
    http::a_client_that_expects_100_gets_it_before_it_sends_the_body;
    http::a_client_that_expects_100_is_refused_before_it_sends_a_body_that_is_too_large except {
        Http("actix-http"), "says 100 before it shows the request to anybody"
            => http::a_client_that_expects_100_is_told_to_go_on_and_then_refused;
    };
    http::a_body_of_the_limit_goes_both_ways_unchanged;
    http::a_body_around_the_memory_limit_is_the_same_in_memory_and_in_a_file;
    http::a_body_that_nobody_reads_is_skipped_and_the_connection_goes_on except {
        Http("actix-http"), "ends the connection when more of a body is to come than it has read"
            => http::a_body_that_nobody_reads_ends_the_connection_which_says_so;
    };
    http::a_request_past_a_limit_is_refused_with_its_status_and_a_sentence_and_others_go_on;
    http::a_malformed_request_is_400_with_a_sentence_and_others_go_on except {
        Http("actix-http"), "answers what it cannot parse by itself, with an empty page"
            => http::a_malformed_request_is_400_without_a_word_and_others_go_on;
    };
    http::a_path_without_a_route_is_404_and_a_method_without_one_405_with_those_that_have_one;
    http::a_client_that_half_closes_after_its_request_still_gets_the_answer;
    http::two_clients_are_served_by_turns;

    streams::a_streamed_body_reaches_its_handler_as_it_was_sent;
    streams::a_streamed_body_arrives_while_it_is_sent;
    streams::a_client_sends_no_faster_than_the_handler_reads;
    streams::a_streamed_body_past_the_limit_is_refused;
    streams::a_handler_is_dropped_when_the_client_goes_away_within_its_body except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    streams::a_streamed_body_that_never_ends_is_cut_off_with_its_handler except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    streams::a_streamed_answer_arrives_piece_by_piece;
    streams::a_streamed_answer_of_many_pieces_is_complete;
    streams::a_streamed_answer_ends_with_the_connection_for_http_1_0_and_is_left_out_for_head;
    streams::a_streamed_answer_that_fails_is_cut_short_so_that_its_client_notices;
    streams::a_stream_is_dropped_when_its_client_goes_away except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    streams::a_stream_is_dropped_when_its_client_does_not_read except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    endless::a_status_without_a_body_sends_none_whatever_the_handler_answers_with;
    endless::head_of_a_stream_without_an_end_is_answered_at_once;
    endless::a_handler_that_wakes_itself_for_ever_has_no_more_time_than_another;
    endless::what_is_no_path_is_refused_before_any_route_sees_it;

    slow_clients::a_client_that_sends_nothing_makes_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::a_client_that_sends_nothing_makes_the_others_wait_until_the_head_deadline;
    };
    slow_clients::a_client_that_sends_nothing_is_closed_after_the_head_deadline;
    slow_clients::a_deadline_of_zero_is_none;
    slow_clients::a_first_head_that_drips_in_is_cut_off_and_makes_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::a_first_head_that_drips_in_is_cut_off_and_the_others_wait;
    };
    slow_clients::a_later_head_that_drips_in_is_cut_off_and_makes_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::a_later_head_that_drips_in_is_cut_off_and_the_others_wait;
    };
    slow_clients::a_body_that_drips_in_is_cut_off_and_makes_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::a_body_that_drips_in_is_cut_off_and_the_others_wait;
    };
    slow_clients::a_body_that_comes_fast_and_then_stops_is_cut_off;
    slow_clients::a_body_that_takes_longer_than_its_deadline_but_comes_steadily_is_read;
    slow_clients::a_client_that_never_reads_is_cut_off_and_makes_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::a_client_that_never_reads_is_cut_off_and_the_others_wait;
    };
    slow_clients::a_client_that_reads_slowly_but_steadily_gets_all;
    slow_clients::a_client_that_goes_away_within_its_answer_is_no_failure;
    slow_clients::a_connection_without_a_next_request_is_closed_after_keep_alive;
    slow_clients::the_slow_ones_all_at_once_make_nobody_wait except {
        Server("single"), "has one connection at a time"
            => slow_clients::the_slow_ones_are_waited_for_one_after_the_other;
    };

    slow_handlers::an_async_handler_answers_when_it_is_ready;
    slow_handlers::pending_handlers_of_many_clients_wait_side_by_side except {
        Server("single"), "has one connection at a time, and so one request"
            => slow_handlers::a_pending_handler_makes_the_others_wait;
    };
    slow_handlers::an_async_handler_past_its_deadline_is_dropped_and_answered_with_504 except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    slow_handlers::a_handler_is_dropped_when_its_client_goes_away except {
        Server("forking"), "a connection has a process of its own, and nobody sees what is dropped in it"
            => forks::a_connection_that_ends_ends_its_process_with_all_that_is_in_it;
    };
    slow_handlers::a_sync_handler_past_its_deadline_is_reported_and_its_client_answered_with_504 except {
        Server("actix"), "the handler holds the event loop, and nobody else could write the answer"
            => slow_handlers::a_sync_handler_past_its_deadline_is_reported_and_its_client_cut_off;
    };
    slow_handlers::others_are_served_while_sync_handlers_are_stuck except {
        Server("single"), "has one thread, which the handler holds"
            => slow_handlers::others_wait_while_a_sync_handler_is_stuck;
        Server("actix"), "a handler that blocks holds its event loop, unless it is declared `blocking`"
            => slow_handlers::others_are_served_while_handlers_are_stuck_that_said_that_they_block;
    };
    slow_handlers::a_handler_that_says_that_it_blocks_answers_as_others_do;

    many::five_hundred_requests_on_fifty_connections_are_all_answered;
    many::a_connection_past_the_limit_waits_and_is_served_when_another_ends except {
        Server("single"), "has one connection at a time, whatever the limit is"
            => many::a_second_connection_waits_whatever_the_limit_is;
    };
    many::a_connection_that_only_waits_for_its_next_request_gives_way except {
        Http("actix-http"), "a kept connection cannot be told from one whose request is on its way"
            => many::a_connection_that_is_kept_gives_way_when_it_ends;
    };
    many::a_request_past_the_limit_in_flight_is_answered_with_503 except {
        Server("forking"), "a process has one request in flight, and the limit is of a process"
            => forks::the_limit_in_flight_is_of_a_process_and_so_of_one_request;
        Server("single"), "never has a second request in flight"
            => many::a_request_past_the_limit_in_flight_waits_for_its_connection;
    };

    faults::a_handler_that_fails_is_a_500_with_the_id_of_its_line_in_the_log;
    faults::a_handler_that_panics_is_a_500_and_its_worker_goes_on;
    faults::a_header_that_would_split_the_answer_is_not_sent;
    faults::a_server_that_has_no_thread_left_has_another_worker_take_over except {
        Server("forking"), "a thread that is stuck is that of one connection, and ends with its process"
            => forks::a_process_whose_handler_does_not_return_ends_and_the_worker_goes_on;
    };
    descriptors::without_descriptors_what_is_open_is_served_and_who_comes_waits except {
        Server("single"), "has no other connection open when one comes"
            => descriptors::without_descriptors_who_comes_waits;
    };

    stopping::sigterm_and_sigint_end_the_server_with_code_0_and_free_its_port;
    stopping::a_handler_can_stop_the_server_and_its_own_answer_still_goes_out;
    stopping::what_runs_is_finished_before_the_end;
    stopping::a_body_and_a_stream_under_way_are_finished_before_the_end;
    stopping::connections_are_refused_while_the_server_finishes;
    stopping::connections_without_a_request_do_not_delay_the_end except {
        Server("single"), "accepts a connection only when it can be served"
            => stopping::connections_that_wait_to_be_accepted_do_not_delay_the_end;
    };
    stopping::a_handler_that_is_pending_past_the_shutdown_deadline_is_dropped;
    stopping::a_client_that_does_not_read_does_not_keep_the_server_past_its_deadline;
    stopping::a_sync_handler_that_never_returns_is_named_and_left_behind except {
        Server("forking"), "the handler has a process of its own, which can be ended"
            => forks::a_sync_handler_that_never_returns_is_named_and_its_process_ends;
    };
    stopping::a_second_signal_ends_the_process_at_once;
    stopping::a_stop_under_load_loses_no_request_that_was_begun;
    stopping::every_connection_that_was_accepted_before_the_stop_is_served except {
        Server("single"), "accepts a connection only when it can be served, so none waits that was accepted"
            => stopping::a_connection_that_waits_to_be_accepted_ends_with_the_server;
    };

    listeners::the_banner_names_server_url_routes_and_how_to_stop;
    listeners::an_ipv6_address_stands_in_brackets;
    listeners::a_unix_socket_is_served_and_its_file_is_gone_at_the_end;
    listeners::a_unix_socket_that_was_left_over_is_replaced_and_any_other_file_is_not;
    listeners::several_listeners_are_served_at_once;
    listeners::a_port_in_use_is_an_error_that_says_what_to_do;
    listeners::quiet_prints_nothing;
    listeners::quiet_still_says_what_goes_wrong;
    listeners::every_request_has_one_line_that_says_what_became_of_it;
}

fn row(name: &str) -> &'static Row {
    LIST.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row `{name}`"))
}

#[test]
fn every_exception_is_of_a_server_that_there_is_and_has_its_reason() {
    for row in LIST {
        for except in row.except {
            let is_known = registry().iter().any(|server| match except.who {
                Server(name) => server.name == name,
                Http(http) => server.http == http,
            });
            assert!(is_known, "{}: there is no {:?}", row.name, except.who);
            assert!(except.why.split(' ').count() >= 4, "{}: `{}` is no reason", row.name, except.why);
        }
    }
}
